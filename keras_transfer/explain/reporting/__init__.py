"""How the report is made: what is gathered, said, drawn, and laid out."""
