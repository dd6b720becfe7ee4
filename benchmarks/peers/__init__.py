"""What people build without Cutout, doing the same job."""
