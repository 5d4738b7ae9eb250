"""Running phases: what may run now, checks before anything is touched, the steps, and the locks around them."""
