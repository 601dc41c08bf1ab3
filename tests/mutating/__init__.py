"""Small faults put into the library one at a time, to see whether a test fails: mutation testing.

``make mutants`` tries a sample of them; ``make mutants MODULE=jdescent/core/lift.py COUNT=50`` more
of one file. The faults are cosmic-ray's, of which those are taken that a hand may make; each is
tried in a copy of the repository, by a process that has imported the libraries already.
"""
