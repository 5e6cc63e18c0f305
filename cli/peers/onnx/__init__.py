"""Programs as ONNX graphs, made of the program's own arrays: nothing is unpickled, and scikit-learn has no part in it.

`model.convert` makes the graph, `proof.prove` asks onnxruntime whether it answers as the program does.
"""
