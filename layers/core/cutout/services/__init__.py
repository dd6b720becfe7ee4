"""The use cases. They depend on ports, models, errors and the pure modules, on nothing else."""
