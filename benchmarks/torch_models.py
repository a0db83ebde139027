"""The benchmark's nets in PyTorch: the same layers and shapes as the prototxts that compare.py names, written as their
users write them. Each has forward(), which gives the scores, and loss(), which training minimizes.
"""
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def loss(self, x, label):
        return F.cross_entropy(self(x), label)


class LeNet(Net):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.ip1 = nn.Linear(800, 500)
        self.ip2 = nn.Linear(500, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        x = F.relu_(self.ip1(x.flatten(1)))
        return self.ip2(x)


class MLP(Net):
    def __init__(self):
        super().__init__()
        self.ip1 = nn.Linear(784, 512)
        self.ip2 = nn.Linear(512, 512)
        self.ip3 = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu_(self.ip1(x))
        x = F.relu_(self.ip2(x))
        return self.ip3(x)


class LSTM(Net):
    """nn.LSTM has a second bias in each layer, which adds nothing."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(128, 256, num_layers=2)
        self.classes = nn.Linear(256, 32)

    def forward(self, x):
        return self.classes(self.lstm(x)[0])

    def loss(self, x, label):
        return F.cross_entropy(self(x).flatten(0, 1), label.flatten())

    def load(self, parameters):
        for layer in range(2):
            w_x, b, w_h = parameters[3 * layer:3 * layer + 3]
            getattr(self.lstm, f"weight_ih_l{layer}").copy_(gates(w_x))
            getattr(self.lstm, f"bias_ih_l{layer}").copy_(gates(b))
            getattr(self.lstm, f"weight_hh_l{layer}").copy_(gates(w_h))
            getattr(self.lstm, f"bias_hh_l{layer}").zero_()
        self.classes.weight.copy_(parameters[6])
        self.classes.bias.copy_(parameters[7])


def gates(w):
    """From the order input, forget, output, candidate to PyTorch's: input, forget, candidate, output."""
    i, f, o, g = w.chunk(4)
    return torch.cat([i, f, g, o])


class AlexNet(Net):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(9216, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1000)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = F.max_pool2d(self.norm(F.relu_(self.conv1(x))), 3, 2)
        x = F.max_pool2d(self.norm(F.relu_(self.conv2(x))), 3, 2)
        x = F.relu_(self.conv3(x))
        x = F.relu_(self.conv4(x))
        x = F.max_pool2d(F.relu_(self.conv5(x)), 3, 2)
        x = self.drop(F.relu_(self.fc6(x.flatten(1))))
        x = self.drop(F.relu_(self.fc7(x)))
        return self.fc8(x)


class Inception(nn.Module):
    def __init__(self, channels, one, three_in, three, five_in, five, pool):
        super().__init__()
        self.one = nn.Conv2d(channels, one, 1)
        self.three_in = nn.Conv2d(channels, three_in, 1)
        self.three = nn.Conv2d(three_in, three, 3, padding=1)
        self.five_in = nn.Conv2d(channels, five_in, 1)
        self.five = nn.Conv2d(five_in, five, 5, padding=2)
        self.pool = nn.Conv2d(channels, pool, 1)

    def forward(self, x):
        one = F.relu_(self.one(x))
        three = F.relu_(self.three(F.relu_(self.three_in(x))))
        five = F.relu_(self.five(F.relu_(self.five_in(x))))
        pool = F.relu_(self.pool(F.max_pool2d(x, 3, 1, padding=1)))
        return torch.cat([one, three, five, pool], 1)


class SideClassifier(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 128, 1)
        self.fc = nn.Linear(2048, 1024)
        self.drop = nn.Dropout(0.7)
        self.classes = nn.Linear(1024, 1000)

    def forward(self, x):
        x = F.relu_(self.conv(F.avg_pool2d(x, 5, 3)))
        x = self.drop(F.relu_(self.fc(x.flatten(1))))
        return self.classes(x)


class GoogLeNet(Net):
    def __init__(self, train):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.conv2_in = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)
        self.i3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.i3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.i4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.side1 = SideClassifier(512) if train else None
        self.i4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.i4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.i4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.side2 = SideClassifier(528) if train else None
        self.i4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.i5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.i5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.drop = nn.Dropout(0.4)
        self.classes = nn.Linear(1024, 1000)

    def forward(self, x, sides=False):
        x = F.relu_(self.conv1(x))
        x = self.norm(F.max_pool2d(x, 3, 2, ceil_mode=True))
        x = F.relu_(self.conv2(F.relu_(self.conv2_in(x))))
        x = F.max_pool2d(self.norm(x), 3, 2, ceil_mode=True)
        x = self.i3b(self.i3a(x))
        x = after_4a = self.i4a(F.max_pool2d(x, 3, 2, ceil_mode=True))
        x = after_4d = self.i4d(self.i4c(self.i4b(x)))
        x = F.max_pool2d(self.i4e(x), 3, 2, ceil_mode=True)
        x = F.avg_pool2d(self.i5b(self.i5a(x)), 7)
        scores = self.classes(self.drop(x.flatten(1)))
        return (scores, self.side1(after_4a), self.side2(after_4d)) if sides else scores

    def loss(self, x, label):
        scores, side1, side2 = self(x, sides=True)
        return F.cross_entropy(scores, label) + 0.3 * (F.cross_entropy(side1, label) + F.cross_entropy(side2, label))


class ConvNorm(nn.Module):
    """A convolution without a bias and its normalization: Convolution, BatchNorm and Scale."""

    def __init__(self, channels, outputs, size, stride=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, outputs, size, stride, padding=size // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class Block(nn.Module):
    """A residual block of two 3x3 convolutions, or of 1x1, 3x3 and 1x1; the stride is the first one's."""

    def __init__(self, channels, inside, outputs, stride, sizes):
        super().__init__()
        projects = stride > 1 or channels != outputs
        self.shortcut = ConvNorm(channels, outputs, 1, stride) if projects else nn.Identity()
        widths = [channels] + [inside] * (len(sizes) - 1) + [outputs]
        strides = [stride] + [1] * (len(sizes) - 1)
        self.branch = nn.ModuleList(map(ConvNorm, widths[:-1], widths[1:], sizes, strides))

    def forward(self, x):
        y = x
        for conv in self.branch[:-1]:
            y = F.relu_(conv(y))
        y = self.branch[-1](y)
        y += self.shortcut(x)
        return F.relu_(y)


class ResNet(Net):
    def __init__(self, blocks, sizes, widening):
        super().__init__()
        self.stem = ConvNorm(3, 64, 7, 2)
        self.blocks = nn.Sequential()
        channels = 64
        for stage, count in enumerate(blocks):
            inside = 64 << stage
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(Block(channels, inside, inside * widening, stride, sizes))
                channels = inside * widening
        self.classes = nn.Linear(channels, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu_(self.stem(x)), 3, 2, ceil_mode=True)
        x = F.adaptive_avg_pool2d(self.blocks(x), 1)
        return self.classes(x.flatten(1))


class MobileNet(Net):
    BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1),
              (512, 1), (1024, 2), (1024, 1)]

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([ConvNorm(3, 32, 3, 2)])
        channels = 32
        for outputs, stride in self.BLOCKS:
            self.layers.append(ConvNorm(channels, channels, 3, stride, groups=channels))
            self.layers.append(ConvNorm(channels, outputs, 1))
            channels = outputs
        self.classes = nn.Conv2d(1024, 1000, 1)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu_(layer(x))
        return self.classes(F.adaptive_avg_pool2d(x, 1)).flatten(1)


def make(name, train):
    """`train`: with what only training needs."""
    makers = {
        "lenet": LeNet,
        "mlp": MLP,
        "lstm": LSTM,
        "alexnet": AlexNet,
        "googlenet": lambda: GoogLeNet(train),
        "resnet18": lambda: ResNet([2, 2, 2, 2], (3, 3), 1),
        "resnet50": lambda: ResNet([3, 4, 6, 3], (1, 3, 1), 4),
        "mobilenet": MobileNet,
    }
    return makers[name]()


def set_dropout(model, on):
    for module in model.modules():
        if isinstance(module, nn.Dropout) and not on:
            module.p = 0.0


def load(model, parameters):
    """Values in the order in which the prototxt's layers have them, which is that of the modules."""
    if hasattr(model, "load"):
        return model.load(parameters)
    mine = list(model.parameters())
    if len(mine) != len(parameters):
        raise ValueError(f"{len(parameters)} arrays for {len(mine)} parameters")
    for to, values in zip(mine, parameters):
        if to.numel() != values.numel():
            raise ValueError(f"{list(values.shape)} for a parameter of {list(to.shape)}")
        to.copy_(values.view(to.shape))
