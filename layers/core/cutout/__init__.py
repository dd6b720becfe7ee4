"""Cutout: background removal for images in S3. The application behind every function folder."""
