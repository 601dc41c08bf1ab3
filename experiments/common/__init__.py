"""What several figures use: numbers and their records, statistics, data, models."""
