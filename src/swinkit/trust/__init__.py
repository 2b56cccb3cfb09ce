"""Why a model can be believed, or not: intervals, baselines, calibration, label errors, comparison.

Numbers only; `report` shows them. What is found about one model is an `Assessment` (assessment.py).
"""
