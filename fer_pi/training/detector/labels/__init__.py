"""Labels of faces in the formats that people have them in, read into the same records."""
