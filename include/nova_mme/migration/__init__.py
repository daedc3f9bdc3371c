"""Changing the model: what it costs, a second space built beside the live one, judged, and swapped in."""
