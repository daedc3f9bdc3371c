"""Makes what moto stores outlive the process: every change is on disk before its call is answered."""
