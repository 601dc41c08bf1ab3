"""What the learning systems share: data that comes with Python and its libraries, and models."""
