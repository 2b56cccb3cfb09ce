"""What `explain` draws: facts.py and measure.py hold numbers, figures.py and svg.py marks, page.py words."""
