"""The report card: what is known of any optimizer by measurement."""
