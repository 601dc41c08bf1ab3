"""``python -m jdescent_playground`` opens the playground."""

from jdescent_playground import main

if __name__ == "__main__":
    main()
