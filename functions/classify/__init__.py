"""What serves: an event in, an answer out. Knows the layer, never what trains."""
