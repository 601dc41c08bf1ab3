"""``python -m jdescent.playground`` opens the playground."""

from jdescent.playground import main

if __name__ == "__main__":
    main()
