"""Random programs, mapped over many runs in every way, against each run alone.

``make fuzz`` tries as many as wanted: ``make fuzz FROM=0 COUNT=20000``.
"""
