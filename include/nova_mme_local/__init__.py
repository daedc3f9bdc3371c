"""Local AWS, sample media and the demo: what lets the project run whole on a laptop, without an AWS account."""
