"""The pages, one a module: ``build(document)`` makes one person's page."""
