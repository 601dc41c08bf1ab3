"""Random programs, mapped over many runs in every way, against each run alone.

``make fuzz`` tries as many as wanted: ``make fuzz FIRST=0 COUNT=20000``.
"""
