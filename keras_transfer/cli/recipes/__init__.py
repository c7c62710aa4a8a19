"""Recipes: one TOML file that says what to train, and what came out."""
