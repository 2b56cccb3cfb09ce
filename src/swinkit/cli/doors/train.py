from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional

from swinkit.cli.options import Debug, Device, Flag, GroupBy, Json, Kernel, Threads, option, rate, size
from swinkit.cli.screen import print_json
from swinkit.verbs.train import train


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a Swin, or a network of timm, on pictures: says what it will do and why, then does it.

    DATA is a folder of class folders, with or without train, val and test above them, a table of
    path,label, parquet files or tar archives, or hf:owner/name, a data set that is streamed from the Hugging
    Face hub; nothing is written into it. All that a training leaves lies in the run's folder, which predict
    and evaluate take as weights. Ctrl-C saves first and says how to go on.

    examples:
      swinkit train
      swinkit train photos/ --weights swin_tiny --time 30m
      swinkit train photos/ --model timm:resnet50
      swinkit train --resume runs/photos-1
    """

    data: Annotated[Positional[str | None], option("[DATA]", "by default the embedded digits")] = None
    """Folder, table, parquet file or tar archive of pictures."""
    labels: Annotated[str | None, option("FILE", "by default the classes of train")] = None
    """Classes, one in each line, in the order they are to have."""
    group_by: GroupBy = None
    resplit: Flag = False
    """Divide the pictures anew, whatever splits the data brings."""
    exclude: Annotated[str | None, option("FILE")] = None
    """findings.csv of `swinkit check`: leave out what it says."""
    out: Annotated[str | None, option("FOLDER", "by default runs/NAME-1, NAME-2, …")] = None
    """Folder of the run."""
    recipe: Annotated[str | None, option("NAME", "by default what suits the pictures")] = None
    """A published recipe (swin_tiny_imagenet, …), or one of yours: FILE.py:FUNCTION."""
    model: Annotated[str | None, option("SIZE", "by default one that suits the pictures")] = None
    """Size to train (`swinkit models` lists them), or timm:NAME, a network of timm (ResNet, ViT, …)."""
    weights: Annotated[str | None, option("SOURCE", "by default published ones, if to be had")] = None
    """What to start from: a run, a weights file, a catalogue name, hf:owner/name; or none: from scratch."""
    image_size: Annotated[str | None, option("PIXELS", "by default what suits the pictures")] = None
    """The model's input: a side (128), or height and width (96x160)."""
    epochs: Annotated[int | None, option("NUMBER", "by default what suits the pictures")] = None
    """Passes over the training pictures."""
    time: Annotated[str | None, option("TIME")] = None
    """How long to train, in place of epochs: 90s, 10m, 1h."""
    batch: Annotated[int | None, option("NUMBER", "by default what suits the pictures")] = None
    """Pictures in one step."""
    lr: Annotated[str | None, option("{NUMBER,find}", "by default what suits model and batch")] = None
    """Peak learning rate; find tries ever higher ones for some steps."""
    precision: Annotated[
        Literal["fp32", "bf16"] | None, option("{fp32,bf16}", "by default bf16 where it is faster")
    ] = None
    """Of products inside a training step."""
    teacher: Annotated[str | None, option("SOURCE")] = None
    """A model to learn from beside the labels: a run, a file, a catalogue name, hf:owner/name, timm:NAME."""
    distillation: Annotated[Literal["soft", "hard"], option("{soft,hard}", "by default soft")] = "soft"
    """Learn the teacher's probabilities, or just its answers."""
    imbalance: Annotated[
        Literal["none", "auto", "weights", "sampler", "logit-adjust"],
        option("{none,auto,weights,sampler,logit-adjust}", "by default auto"),
    ] = "auto"
    """What to do about classes of unequal size."""
    device: Device = None
    threads: Threads = None
    cache: Annotated[
        Literal["ram", "disk", "none"] | None,
        option("{ram,disk,none}", "ram where it takes little"),
    ] = None
    """Where to keep training pictures decoded and small; disk: in the run's folder until training ends."""
    shard: Flag = False
    """Under torchrun: share the model out over the processes, as is done unasked where it is too large."""
    kernel: Kernel = None
    track: Annotated[
        Literal["tensorboard", "mlflow", "wandb"] | None,
        option("{tensorboard,mlflow,wandb}", "by default metrics.jsonl alone"),
    ] = None
    """Where to show the numbers of each epoch as well."""
    seed: Annotated[int, option("NUMBER", "by default 0")] = 0
    """Decides everything that is random."""
    resume: Annotated[str | None, option("RUN")] = None
    """A run to go on with, exactly where it stopped; no other setting goes with it."""
    overwrite: Flag = False
    """Replace the run that --out holds."""
    dry_run: Flag = False
    """Stop after saying what would be done."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        done = train(
            self.data,
            out=self.out,
            seed=self.seed,
            labels=self.labels,
            group_by=self.group_by,
            resplit=self.resplit,
            exclude=self.exclude,
            recipe=self.recipe,
            model=self.model,
            weights=self.weights,
            image_size=size(self.image_size, "--image-size"),
            epochs=self.epochs,
            time=self.time,
            batch=self.batch,
            lr=rate(self.lr),
            precision=self.precision,
            teacher=self.teacher,
            distillation=self.distillation,
            imbalance=self.imbalance,
            device=self.device,
            threads=self.threads,
            cache=self.cache,
            shard=self.shard,
            kernel=self.kernel,
            track=self.track,
            resume=self.resume,
            overwrite=self.overwrite,
            dry_run=self.dry_run,
        )
        if os.environ.get("RANK", "0") != "0":  # under torchrun the first process speaks
            return 0
        if self.json:
            print_json({"run": done.folder, "evaluation": None if self.dry_run else done.evaluation})
        elif not self.dry_run:
            print(done.folder)
        return 0
