"""The nets that are measured, and how to describe each to crema."""


class Net:
    def __init__(self, name, model, data, classes=10, label=None, stages=(), test_stages=None, cont=None):
        self.name, self.model, self.classes = name, model, classes
        self.data, self.label, self.cont = data, label or data[:1], cont
        self.stages, self.test_stages = stages, stages if test_stages is None else test_stages

    def stages_in(self, phase):
        return self.stages if phase == "TRAIN" else self.test_stages

    def shapes_in(self, phase):
        """Of the data layers' tops; a pass in TEST has no labels, and so no losses."""
        shapes = {"data": self.data}
        if self.cont:
            shapes["cont"] = self.cont
        if phase == "TRAIN":
            shapes["label"] = self.label
        return shapes

    def title(self):
        return f"{self.name}, {self.data[1] if self.cont else self.data[0]}"


NETS = [
    Net("lenet", "models/lenet/train_test.prototxt", [64, 1, 28, 28]),
    Net("mlp", "benchmarks/nets/mlp.prototxt", [128, 784]),
    Net("lstm", "benchmarks/nets/lstm.prototxt", [64, 32, 128], classes=32, label=[64, 32], cont=[64, 32]),
    Net("alexnet", "models/alexnet/train_test.prototxt", [32, 3, 227, 227], classes=1000),
    Net("googlenet", "models/googlenet/train_test.prototxt", [16, 3, 224, 224], classes=1000),
    Net("resnet18", "models/resnet18/train_test.prototxt", [16, 3, 224, 224], classes=1000),
    Net("resnet50", "models/resnet50/train_test.prototxt", [8, 3, 224, 224], classes=1000),
    Net("mobilenet", "models/mobilenet_v1/train_test.prototxt", [16, 3, 224, 224], classes=1000),
]
