"""What a user installs, made from this repository: copies in the chart, manifests, tables of the docs, the image."""
