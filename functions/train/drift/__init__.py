"""Whether what a model is asked, and what it answers, is still as in training; and whether it is still right.

baseline   reference.json of a version as series: numbers, shares, terms
sketch     inferences, streamed, as counts a day of the same cells
tests      the statistics, of counts
decide     OK, DRIFT or INSUFFICIENT_DATA for each series, and why
truth      accuracy, F1, calibration and coverage where feedback tells the truth
look       all of it for one model, as a report; html shows it, metrics counts it
"""
