"""Documents: what the model is given of a PDF or a .docx, which it does not take itself."""
