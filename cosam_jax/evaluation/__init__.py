"""From clips to embeddings, and from embeddings to CMC and mAP."""
