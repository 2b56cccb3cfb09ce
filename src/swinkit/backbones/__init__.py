"""Other people's networks on the road of ours, through `forward` and `embed` alone.

Start with timm_network.py. `names` imports nothing heavy, and timm is imported where one of its networks is
built, never before.
"""
