"""How good searches are: what fewer dimensions, and a shortlist, find of what all 3072 numbers find, and at what price."""
