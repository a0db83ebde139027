#!/usr/bin/python3
"""Records what PyTorch computes for small nets, as NAME.prototxt and NAME.h5 (README.md) in the folder torch/.

Usage: python3 tests/golden/record_torch.py    (PyTorch 1.13 or newer, h5py)

A case is a net, what its Input layers and parameters hold, and a function of both that says in PyTorch's words what the
net should compute: PyTorch's own function where there is one, else the formula of the layer's paper or of the fork of
Caffe that it comes from. PyTorch differentiates it. All is computed in double from values that float holds exactly. The
numbers of a case are drawn from a seed of its own, so that cases come and go without changing the others; they stay
away from kinks.
"""
import pathlib
import zlib
from dataclasses import dataclass, replace
from typing import Callable

import h5py
import torch
import torch.nn.functional as F

# ------------------------------------------------------------------------------------------------- what blobs hold


@dataclass(frozen=True)
class Blob:
    draw: Callable  # gets a generator
    gradient: bool = True  # whether a gradient flows to this blob


def rounded(x):
    return x.float().double()


def normal(*shape, scale=1.0, shift=0.0, kinks=()):
    """Normally distributed, with 0.1 on each side of every kink left out."""
    def draw(generator):
        x = torch.randn(shape, generator=generator, dtype=torch.float64) * scale + shift
        for kink in kinks:
            close = (x - kink).abs() < 0.1
            x = torch.where(close, x + torch.where(x < kink, -0.1, 0.1), x)
        return rounded(x)
    return Blob(draw)


def uniform(low, high, *shape):
    return Blob(lambda g: rounded(low + (high - low) * torch.rand(shape, generator=g, dtype=torch.float64)))


def grid(*shape, offset=0.0):
    """Multiples of 1/4, plus the offset: differences of two grids are never close to 0."""
    return Blob(lambda g: rounded(torch.randint(-6, 7, shape, generator=g) / 4 + offset))


def whole(low, high, *shape, ignored=None):
    """Whole numbers in [low, high): labels or indices. Every third is `ignored`, if that is given."""
    def draw(generator):
        x = torch.randint(low, high, shape, generator=generator)
        if ignored is not None:
            x.view(-1)[1::3] = ignored
        return x
    return Blob(draw, gradient=False)


def distributions(*shape):
    """Probabilities of classes, along axis 1."""
    return fixed(Blob(lambda g: rounded(torch.randn(shape, generator=g, dtype=torch.float64).softmax(1))))


def with_nan(blob):
    def draw(generator):
        x = blob.draw(generator)
        x.view(-1)[1::5] = float("nan")
        return x
    return replace(blob, draw=draw)


def fixed(blob):
    return replace(blob, gradient=False)


# --------------------------------------------------------------------------------------------------------- recording

FOLDER = pathlib.Path(__file__).parent / "torch"


def write_hdf5(path, sets):
    """Small files that are the same each time: groups in the compact form of HDF5 1.8, and no times of creation."""
    of_file, of_group, access = (h5py.h5p.create(kind) for kind in (h5py.h5p.FILE_CREATE, h5py.h5p.GROUP_CREATE,
                                                                    h5py.h5p.FILE_ACCESS))
    of_file.set_obj_track_times(False)
    of_group.set_obj_track_times(False)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    with h5py.File(h5py.h5f.create(bytes(path), h5py.h5f.ACC_TRUNC, of_file, access)) as file:
        for name, tensor in sets.items():
            for group in reversed(pathlib.PurePosixPath(name).parents[:-1]):
                if str(group) not in file:
                    h5py.h5g.create(file.id, bytes(group), gcpl=of_group)
            file.create_dataset(name, data=tensor.detach().float().numpy())


def run(name, bottoms, params, compute, tops, loss):
    """The data sets of one case, by path."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    inputs = {key: blob.draw(generator).requires_grad_(blob.gradient) for key, blob in bottoms.items()}
    weights = {key: blob.draw(generator).requires_grad_(blob.gradient) for key, blob in params.items()}
    sets = {f"input/{key}": x.detach() for key, x in inputs.items()}
    sets |= {f"param/{key}": w.detach().clone() for key, w in weights.items()}

    found = compute(*inputs.values(), *weights.values())
    outputs = dict(zip(tops, [found] if isinstance(found, torch.Tensor) else found))
    sets |= {f"output/{key}": y for key, y in outputs.items()}
    diffs = {key: torch.ones_like(y) for key, y in outputs.items()}
    if not loss:
        diffs = {key: normal(*y.shape).draw(generator) for key, y in outputs.items()}
        sets |= {f"top_diff/{key}": dy for key, dy in diffs.items()}
    torch.autograd.backward(list(outputs.values()), list(diffs.values()))

    sets |= {f"bottom_diff/{key}": x.grad for key, x in inputs.items() if x.grad is not None}
    for key, w in weights.items():
        sets[f"param_diff/{key}"] = torch.zeros_like(w) if w.grad is None else w.grad
        if not torch.equal(w.detach(), sets[f"param/{key}"]):  # compute changes running statistics
            sets[f"param_after/{key}"] = w
    return sets


def case(name, layers, bottoms, compute, params=(), tops=("y",), loss=False):
    """Records one case. The phase is TEST where the name ends in "_test".

    layers: one layer's type and settings, ("ELU", "elu_param { alpha: 2 }"), or the text of several
    bottoms: the Input layers by name; for one layer its bottoms in this order
    compute: the tops of the bottoms and the parameters, in order
    params: the parameters of the one layer, which is called L; or parameters by key
    tops: the net's outputs; for one layer its tops
    loss: whether the output is a loss; otherwise a gradient is fed in at each output
    """
    if not isinstance(layers, str):
        kind, settings = layers
        reads = " ".join(f'bottom: "{key}"' for key in bottoms)
        makes = " ".join(f'top: "{key}"' for key in tops)
        layers = f'layer {{ name: "L" type: "{kind}" {reads} {makes} {settings} }}'
        params = {f"L/{k}": blob for k, blob in enumerate(params)}
    sets = run(name, bottoms, dict(params), compute, tops, loss)
    text = "force_backward: true\n"
    for key in bottoms:
        dims = " ".join(f"dim: {size}" for size in sets[f"input/{key}"].shape)
        text += f'layer {{ name: "{key}" type: "Input" top: "{key}" input_param {{ shape {{ {dims} }} }} }}\n'
    (FOLDER / f"{name}.prototxt").write_text(text + layers.strip() + "\n")
    write_hdf5(FOLDER / f"{name}.h5", sets)


# ------------------------------------------------------------------------------------------------------- activations

def activations():
    def unary(name, kind, compute, settings="", kinks=()):
        case(name, (kind, settings), {"x": normal(2, 3, 4, 5, scale=2.5, kinks=kinks)}, compute)

    unary("cos", "Cos", torch.cos)
    unary("gelu", "GELU", F.gelu)
    unary("gelu_tanh", "GELU", lambda x: F.gelu(x, approximate="tanh"), "gelu_param { approximate: TANH }")
    unary("selu", "SELU", F.selu, kinks=[0])
    unary("selu_other_name", "SeLu", F.selu, kinks=[0])
    unary("selu_settings", "SELU", lambda x: 1.25 * F.elu(x, 1.5), "selu_param { alpha: 1.5 lambda: 1.25 }", kinks=[0])
    unary("silu", "SiLU", F.silu)
    unary("swish_beta", "Swish", lambda x: x * torch.sigmoid(1.5 * x), "swish_param { beta: 1.5 }")
    unary("mish", "Mish", F.mish)
    unary("hardswish", "HardSwish", F.hardswish, kinks=[-3, 3])
    unary("hardsigmoid", "HardSigmoid", F.hardsigmoid, kinks=[-3, 3])
    unary("relu6", "ReLU6", lambda x: F.relu6(x), kinks=[0, 6])
    unary("relu6_leaky", "ReLU6", lambda x: torch.clamp(F.leaky_relu(x, 0.25), max=2),
          "relu6_param { threshold: 2 negative_slope: 0.25 }", kinks=[0, 2])
    unary("softplus", "Softplus", F.softplus)
    unary("softplus_beta", "Softplus", lambda x: F.softplus(x, beta=2), "softplus_param { beta: 2 }")
    case("prelu_shared", ("PReLU", "prelu_param { channel_shared: true }"), {"x": normal(2, 3, 4, kinks=[0])},
         lambda x, slope: F.prelu(x, slope.reshape(1)), [normal(scale=0.25)])


# ----------------------------------------------------------------------------------------------------- normalizations

def normalizations():
    def scale(*shape):
        return normal(*shape, scale=0.5, shift=1)

    case("layernorm", ("LayerNorm", ""), {"x": normal(2, 3, 7, shift=0.5)},
         lambda x, w, b: F.layer_norm(x, [7], w, b, 1e-5), [scale(7), normal(7)])
    case("layernorm_axis1", ("LayerNorm", "layer_norm_param { axis: 1 eps: 0.001 }"), {"x": normal(3, 4, 5)},
         lambda x, w, b: F.layer_norm(x, [4, 5], w, b, 1e-3), [scale(4, 5), normal(4, 5)])
    case("layernorm_nobias", ("LayerNorm", "layer_norm_param { bias_term: false }"), {"x": normal(4, 9)},
         lambda x, w: F.layer_norm(x, [9], w), [scale(9)])
    case("layernorm_plain", ("LayerNorm", "layer_norm_param { scale_term: false bias_term: false }"),
         {"x": normal(2, 2, 6)}, lambda x: F.layer_norm(x, [6]))
    case("groupnorm", ("GroupNorm", "group_norm_param { group_num: 3 }"), {"x": normal(2, 6, 3, 4, shift=0.5)},
         lambda x: F.group_norm(x, 3))
    case("groupnorm_affine", ("GroupNorm", "group_norm_param { group_num: 2 affine: true eps: 0.001 }"),
         {"x": normal(2, 6, 3, 4)}, lambda x, w, b: F.group_norm(x, 2, w, b, 1e-3), [scale(6), normal(6)])
    case("instancenorm", ("InstanceNorm", ""), {"x": normal(2, 3, 4, 5, shift=0.5)}, lambda x: F.instance_norm(x))
    case("instancenorm_affine", ("InstanceNorm", "instance_norm_param { affine: true eps: 0.001 }"),
         {"x": normal(2, 3, 4, 5)}, lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-3),
         [scale(3), normal(3)])

    def rms_norm(x, axes, eps):  # Zhang and Sennrich, 2019, arXiv:1910.07467
        return x / (x.square().mean(axes, keepdim=True) + eps).sqrt()

    case("rmsnorm", ("RMSNorm", ""), {"x": normal(2, 3, 7)}, lambda x, w: rms_norm(x, -1, 1e-6) * w, [scale(7)])
    case("rmsnorm_axis1", ("RMSNorm", "rms_norm_param { axis: 1 eps: 0.01 }"), {"x": normal(3, 4, 5)},
         lambda x, w: rms_norm(x, (1, 2), 1e-2) * w, [scale(4, 5)])
    case("rmsnorm_plain", ("RMSNorm", "rms_norm_param { scale_term: false }"), {"x": normal(3, 8)},
         lambda x: rms_norm(x, 1, 1e-6))

    # Liu et al., 2016, arXiv:1512.02325 (SSD): eps is added to the sum of squares.
    def unit_length(x, axes, eps=1e-10):
        return x / (x.square().sum(axes, keepdim=True) + eps).sqrt()

    for across, axes in (("false", 1), ("true", (1, 2, 3))):
        where = "places" if across == "false" else "record"
        case(f"normalize_{where}", ("Normalize", f"norm_param {{ across_spatial: {across} channel_shared: false }}"),
             {"x": normal(2, 5, 3, 4)}, lambda x, w: unit_length(x, axes) * w.reshape(1, 5, 1, 1), [scale(5)])
        case(f"normalize_{where}_shared", ("Normalize", f"norm_param {{ across_spatial: {across} eps: 0.01 }}"),
             {"x": normal(2, 5, 3, 4)}, lambda x, w: unit_length(x, axes, 1e-2) * w, [scale()])

    def mvn(x):  # Caffe's eps is small, and added to the deviation
        axes = (1, 2, 3)
        return (x - x.mean(axes, keepdim=True)) / x.var(axes, unbiased=False, keepdim=True).sqrt()

    case("mvn_across", ("MVN", "mvn_param { across_channels: true }"), {"x": normal(2, 3, 4, 5, shift=0.5)}, mvn)
    case("lrn_channels", ("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }"), {"x": normal(2, 7, 2, 3)},
         lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2))
    case("lrn_wide", ("LRN", "lrn_param { local_size: 5 alpha: 2 beta: 0.5 }"), {"x": normal(2, 4, 2, 3)},
         lambda x: F.local_response_norm(x, 5, 2, 0.5, 1))
    case("lrn_square", ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 }"),
         {"x": normal(2, 2, 4, 5)}, lambda x: x * (1 + 0.5 * F.avg_pool2d(x * x, 3, 1, 1)) ** -0.75)


def batch_normalizations():
    def per_channel():
        return normal(1, 4, 1, 1, scale=0.5, shift=1)

    def images():
        return {"x": normal(3, 4, 2, 3, shift=0.5)}

    def moments(x):
        axes = [axis for axis in range(x.dim()) if axis != 1]
        return x.mean(axes), x.var(axes, unbiased=False)

    # Badrinarayanan et al., 2015, arXiv:1511.00561 (SegNet): scale and shift; the batch's statistics in TEST, too.
    def learn(x, scale, shift, eps=1e-9):
        return F.batch_norm(x, None, None, scale.flatten(), shift.flatten(), training=True, eps=eps)

    filled = "scale_filler { value: 1 } shift_filler { value: 0.001 }"
    case("bn_segnet_learn", ("BN", f"bn_param {{ {filled} }}"), images(), learn, [per_channel(), per_channel()])
    case("bn_segnet_learn_test", ("BN", f"bn_param {{ {filled} eps: 0.01 }}"), images(),
         lambda *blobs: learn(*blobs, eps=0.01), [per_channel(), per_channel()])
    case("bn_segnet_inference", ("BN", "bn_param { bn_mode: INFERENCE }"), images(),
         lambda x, scale, shift: x * scale + shift, [per_channel(), per_channel()])

    # Zhao et al., 2016, arXiv:1612.01105 (PSPNet): slope, bias, running mean and variance (by n, not n - 1).
    def by_batch(x, slope, bias, mean, variance, momentum=0.9):
        with torch.no_grad():
            for running, batch in zip((mean, variance), moments(x)):
                running.mul_(momentum).add_((1 - momentum) * batch.reshape(running.shape))
        return F.batch_norm(x, None, None, slope.flatten(), bias.flatten(), training=True)

    def by_statistics(x, slope, bias, mean, variance):
        return F.batch_norm(x, mean.flatten(), variance.flatten(), slope.flatten(), bias.flatten())

    def pspnet(name, settings, compute, learns=True):
        learned = [per_channel() if learns else fixed(per_channel()) for _ in range(2)]
        case(name, ("BN", settings), images(), compute,
             learned + [fixed(per_channel()), fixed(uniform(0.5, 2, 1, 4, 1, 1))])

    pspnet("bn_pspnet", "", by_batch)
    pspnet("bn_pspnet_momentum", "bn_param { slope_filler { value: 1 } momentum: 0.75 }",
           lambda *blobs: by_batch(*blobs, momentum=0.75))
    pspnet("bn_pspnet_test", "", by_statistics)
    pspnet("bn_pspnet_frozen", "bn_param { frozen: true }", by_statistics, learns=False)

    # Caffe keeps sums of means and of variances (n - 1) and their weight; asked to use the batch, it does so in TEST.
    def batch_norm(x, means, variances, weight):
        with torch.no_grad():
            batch_mean, batch_variance = moments(x)
            n = x.numel() / x.shape[1]
            for running, batch in ((means, batch_mean), (variances, batch_variance * n / (n - 1)), (weight, 1)):
                running.mul_(0.875).add_(batch)
        return F.batch_norm(x, None, None, training=True)

    settings = "batch_norm_param { use_global_stats: false moving_average_fraction: 0.875 }"
    case("batchnorm_of_batch_test", ("BatchNorm", settings), images(), batch_norm,
         [fixed(normal(4)), fixed(uniform(0.5, 2, 4)), fixed(uniform(1, 2, 1))])


# ------------------------------------------------------------------------------------------------------ shapes, places

def shapes():
    def permute(name, order, *axes):
        settings = " ".join(f"order: {axis}" for axis in order)
        case(name, ("Permute", f"permute_param {{ {settings} }}"), {"x": normal(2, 3, 4, 5)},
             lambda x: x.permute(*axes))

    permute("permute_nhwc", (0, 2, 3, 1), 0, 2, 3, 1)
    permute("permute_reverse", (3, 2, 1, 0), 3, 2, 1, 0)
    permute("permute_first", (2,), 2, 0, 1, 3)
    case("shufflechannel", ("ShuffleChannel", "shuffle_channel_param { group: 3 }"), {"x": normal(2, 6, 2, 3)},
         lambda x: x.unflatten(1, (3, 2)).transpose(1, 2).flatten(1, 2))
    case("axpy", ("Axpy", ""), {"a": normal(2, 3, 1, 1), "x": normal(2, 3, 4, 5), "y0": normal(2, 3, 4, 5)},
         lambda a, x, y: a * x + y)

    case("crop_offsets", ("Crop", "crop_param { axis: 1 offset: 1 offset: 0 offset: 2 }"),
         {"x": normal(2, 4, 4, 6), "like": normal(2, 2, 3, 3)}, lambda x, like: x[:, 1:3, :3, 2:5])
    case("tile_first", ("Tile", "tile_param { axis: 0 tiles: 3 }"), {"x": normal(2, 3, 2)}, lambda x: x.repeat(3, 1, 1))
    case("batchreindex_repeated", ("BatchReindex", ""), {"x": normal(4, 3, 2), "rows": whole(0, 4, 7)},
         lambda x, rows: x.index_select(0, rows))

    # As Darknet computes it: C channels are read as C / s^2 of s H x s W; the place in a block is the slower part of a
    # new channel.
    def reorg(x, s):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c // s**2, h, s, w, s)
        return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, c * s**2, h // s, w // s)

    def reorg_back(x, s):
        n, c, h, w = x.shape
        blocks = x.reshape(n, s, s, c // s**2, h, w)
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, c // s**2, h * s, w * s)

    case("reorg", ("Reorg", "reorg_param { stride: 2 }"), {"x": normal(2, 8, 4, 6)}, lambda x: reorg(x, 2))
    case("reorg_reverse", ("Reorg", "reorg_param { stride: 2 reverse: true }"), {"x": normal(2, 8, 2, 3)},
         lambda x: reorg_back(x, 2))


def sizes():
    def interp(name, settings, size, crop=slice(None)):
        case(name, ("Interp", f"interp_param {{ {settings} }}"), {"x": normal(2, 2, 5, 7)},
             lambda x: F.interpolate(x[:, :, crop, crop], size, mode="bilinear", align_corners=True))

    interp("interp_zoom", "zoom_factor: 2", (9, 13))
    interp("interp_shrink", "shrink_factor: 2", (3, 4))
    interp("interp_size", "height: 8 width: 4", (8, 4))
    interp("interp_shrink_zoom", "shrink_factor: 2 zoom_factor: 3", (7, 10))
    interp("interp_to_one", "height: 1 width: 3", (1, 3))
    case("interp_from_one", ("Interp", "interp_param { height: 3 width: 4 }"), {"x": normal(2, 3, 1, 2)},
         lambda x: F.interpolate(x, (3, 4), mode="bilinear", align_corners=True))
    interp("interp_pads", "pad_beg: -1 pad_end: -2 zoom_factor: 2", (3, 7), slice(1, -2))
    case("interp_like", ("Interp", ""), {"x": normal(2, 2, 4, 3), "like": normal(2, 1, 6, 7)},
         lambda x, like: F.interpolate(x, (6, 7), mode="bilinear", align_corners=True))

    def upsample(name, settings, factor):
        case(name, ("Upsample", settings), {"x": normal(2, 3, 3, 4)}, lambda x: F.interpolate(x, scale_factor=factor))

    upsample("upsample", "", 2)
    upsample("upsample_scale", "upsample_param { scale: 3 }", 3)
    upsample("upsample_by_axis", "upsample_param { scale_h: 2 scale_w: 3 }", (2, 3))

    def mask(*shape):  # where max pooling (2 x 2) of a random image of that size found its values
        def draw(generator):
            image = torch.randn(shape, generator=generator)
            return F.max_pool2d(image, 2, ceil_mode=True, return_indices=True)[1]
        return Blob(draw, gradient=False)

    def unpool(name, settings, height, width):
        case(name, ("Upsample", f"upsample_param {{ {settings} }}"),
             {"x": normal(2, 2, 3, 4), "mask": mask(2, 2, height, width)},
             lambda x, m: F.max_unpool2d(x, m, 2, output_size=(height, width)))

    unpool("upsample_mask", "scale: 2", 6, 8)
    unpool("upsample_mask_odd", "scale: 2 pad_out_h: true pad_out_w: true", 5, 7)
    unpool("upsample_mask_size", "upsample_h: 6 upsample_w: 7", 6, 7)

    def pool_and_back(x):
        y, found = F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
        return F.max_unpool2d(y * y, found, 2, output_size=x.shape[2:])

    case("upsample_pooled", """
layer { name: "pool" type: "Pooling" bottom: "x" top: "p" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "square" type: "Eltwise" bottom: "p" bottom: "p" top: "pp" eltwise_param { operation: PROD } }
layer { name: "L" type: "Upsample" bottom: "pp" bottom: "mask" top: "y" upsample_param { upsample_h: 5 upsample_w: 7 } }
""", {"x": normal(2, 2, 5, 7)}, pool_and_back)


# -------------------------------------------------------------------------------------------------------------- windows

def poolings():
    for pool, function in (("MAX", F.adaptive_max_pool2d), ("AVE", F.adaptive_avg_pool2d)):
        case(f"spp_{pool.lower()}", ("SPP", f"spp_param {{ pyramid_height: 3 pool: {pool} }}"),
             {"x": normal(2, 3, 8, 4)}, lambda x: torch.cat([function(x, bins).flatten(1) for bins in (1, 2, 4)], 1))


def convolutions():
    def weights(*shape):
        return normal(*shape, scale=0.5)

    for kind in ("DepthwiseConvolution", "ConvolutionDepthwise", "Convolution"):
        def depthwise(name, settings, kernel, **options):
            groups = "group: 5" if kind == "Convolution" else ""
            case(f"{kind.lower()}_{name}", (kind, f"convolution_param {{ num_output: 5 {settings} {groups} }}"),
                 {"x": normal(2, 5, 7, 6)}, lambda x, w, *b: F.conv2d(x, w, *b, groups=5, **options),
                 [weights(5, 1, *kernel)] + ([] if "bias_term" in settings else [normal(5)]))

        depthwise("each_channel", "kernel_size: 3", (3, 3))
        depthwise("strided", "kernel_size: 3 pad: 1 stride: 2", (3, 3), padding=1, stride=2)
        depthwise("dilated", "kernel_size: 3 pad: 2 dilation: 2 bias_term: false", (3, 3), padding=2, dilation=2)
        depthwise("uneven", "kernel_h: 3 kernel_w: 2 pad_h: 1 pad_w: 0 stride_h: 1 stride_w: 2", (3, 2),
                  padding=(1, 0), stride=(1, 2))

    def convolution(name, settings, bottom, shape, **options):
        case(f"convolution_{name}", ("Convolution", f"convolution_param {{ num_output: {shape[0]} {settings} }}"),
             {"x": normal(*bottom)}, lambda x, w, b: F.conv2d(x, w, b, **options), [weights(*shape), normal(shape[0])])

    convolution("two_each", "group: 4 kernel_size: 3 pad: 1", (2, 4, 5, 6), (8, 1, 3, 3), groups=4, padding=1)
    convolution("groups", "group: 2 kernel_size: 3 dilation: 2 pad: 2 stride: 2", (2, 4, 7, 6), (6, 2, 3, 3), groups=2,
                dilation=2, padding=2, stride=2)

    def deconvolution(name, settings, shape, **options):
        outputs = shape[1] * options.get("groups", 1)
        case(f"deconvolution_{name}", ("Deconvolution", f"convolution_param {{ num_output: {outputs} {settings} }}"),
             {"x": normal(2, 4, 4, 3)}, lambda x, w, b: F.conv_transpose2d(x, w, b, **options),
             [weights(*shape), normal(outputs)])

    deconvolution("groups", "group: 2 kernel_size: 3 stride: 2 pad: 1", (4, 3, 3, 3), groups=2, stride=2, padding=1)
    deconvolution("each_channel", "group: 4 kernel_size: 4 stride: 2 pad: 1", (4, 1, 4, 4), groups=4, stride=2,
                  padding=1)
    deconvolution("dilated", "kernel_size: 3 dilation: 2", (4, 2, 3, 3), dilation=2)
    deconvolution("groups_dilated", "group: 2 kernel_h: 3 kernel_w: 2 dilation: 2 stride: 2 pad: 1", (4, 2, 3, 2),
                  groups=2, dilation=2, stride=2, padding=1)


# -------------------------------------------------------------------------------------------------------------- losses

def losses():
    def loss(name, kind, settings, bottoms, compute):
        case(name, (kind, settings), bottoms, compute, loss=True)

    # Girshick, 2015, arXiv:1504.08083, with Ren et al.'s sigma and weights: the sum, divided by N.
    def smooth_l1(x, t, inside=1.0, outside=1.0, sigma=1.0):
        each = F.smooth_l1_loss(inside * x, inside * t, reduction="none", beta=1 / sigma**2)
        return (outside * each).sum() / x.shape[0]

    def pair(*shape):
        return {"x": normal(*shape), "t": normal(*shape)}

    loss("smoothl1loss", "SmoothL1Loss", "", pair(3, 4, 2, 2), smooth_l1)
    loss("smoothl1loss_inside", "SmoothL1Loss", "smooth_l1_loss_param { sigma: 0.5 }",
         pair(2, 3, 4) | {"inside": fixed(normal(2, 3, 4))},
         lambda x, t, inside: smooth_l1(x, t, inside, sigma=0.5))
    loss("smoothl1loss_weighted", "SmoothL1Loss", "smooth_l1_loss_param { sigma: 3 }",
         pair(3, 8) | {"inside": fixed(normal(3, 8)), "outside": fixed(uniform(0, 2, 3, 8))},
         lambda *blobs: smooth_l1(*blobs, sigma=3.0))

    # Mayer et al., 2015, arXiv:1512.02134 (DispNet).
    def l1(x, t, by_entries=False, plateau=0.0):
        d = (x - t)[~torch.isnan(t)]
        d = d[d.abs() >= plateau]
        entries = (~torch.isnan(t)).sum() / x.shape[1]
        return d.abs().sum() / (entries if by_entries else x.shape[0])

    def l2_per_location(x, t, eps=0.01, by_channels=False):
        d = torch.where(torch.isnan(t), torch.zeros(()).double(), x - t)
        squares = d.square().mean(1) if by_channels else d.square().sum(1)
        return (squares + eps).sqrt().sum() / x.shape[0]

    def grids(*shape):
        return {"x": grid(*shape), "t": grid(*shape, offset=0.1)}

    def grids_with_nan(*shape):
        return {"x": grid(*shape), "t": with_nan(grid(*shape, offset=0.1))}

    loss("l1loss", "L1Loss", "", grids(3, 2, 3, 4), l1)
    loss("l1loss_alone", "L1Loss", "", {"x": grid(3, 5, offset=0.1)}, lambda x: x.abs().sum() / 3)
    loss("l1loss_nan", "L1Loss", "", grids_with_nan(3, 2, 3, 4), l1)
    loss("l1loss_entries", "L1Loss", "l1_loss_param { normalize_by_num_entries: true }", grids_with_nan(3, 2, 3, 4),
         lambda x, t: l1(x, t, by_entries=True))
    loss("l1loss_plateau", "L1Loss", "l1_loss_param { plateau: 0.5 }", grids_with_nan(3, 2, 3, 4),
         lambda x, t: l1(x, t, plateau=0.5))
    loss("l1loss_length", "L1Loss", "l1_loss_param { l2_per_location: true }", grids(3, 2, 3, 4), l2_per_location)
    settings = "l2_per_location: true l2_prescale_by_channels: true epsilon: 0.1"
    loss("l1loss_length_nan", "L1Loss", f"l1_loss_param {{ {settings} }}", grids_with_nan(3, 2, 3, 4),
         lambda x, t: l2_per_location(x, t, 0.1, by_channels=True))

    def hinge(x, t):
        side = 1 - 2 * F.one_hot(t, x.shape[1])
        return F.relu(1 + side * x).square().sum() / x.shape[0]

    loss("hingeloss_l2", "HingeLoss", "hinge_loss_param { norm: L2 }",
         {"x": normal(4, 5, kinks=[-1, 1]), "t": whole(0, 5, 4)}, hinge)
    loss("contrastiveloss_legacy", "ContrastiveLoss", "contrastive_loss_param { margin: 12 legacy_version: true }",
         pair(6, 4) | {"alike": whole(0, 2, 6)},
         lambda a, b, alike: torch.where(alike == 1, (a - b).square().sum(1),
                                         F.relu(12 - (a - b).square().sum(1))).mean() / 2)
    loss("infogainloss_places", "InfogainLoss", "",
         {"x": normal(2, 4, 3), "t": whole(0, 4, 2, 3), "h": fixed(uniform(0, 1, 1, 1, 4, 4))},
         lambda x, t, h: -(h[0, 0][t].movedim(-1, 1) * x.log_softmax(1)).sum() / t.numel())

    # Lin et al., 2017, arXiv:1708.02002, over softmax; LINEAR is the paper's FL*.
    def focal(x, t, gamma=2.0, alpha=0.25):
        log_p = x.log_softmax(1).gather(1, t.unsqueeze(1))
        return (-alpha * (1 - log_p.exp()) ** gamma * log_p).mean()

    def focal_linear(x, t, gamma=2.0, alpha=0.25, beta=1.0):
        p = x.softmax(1).gather(1, t.unsqueeze(1))
        return (-alpha * F.logsigmoid(gamma * torch.logit(p) + beta) / gamma).mean()

    loss("focalloss", "FocalLoss", "", {"x": normal(4, 5), "t": whole(0, 5, 4)}, focal)
    loss("focalloss_places", "FocalLoss", "focal_loss_param { gamma: 1.5 alpha: 0.5 }",
         {"x": normal(2, 4, 2, 3), "t": whole(0, 4, 2, 2, 3)}, lambda x, t: focal(x, t, 1.5, 0.5))
    loss("focalloss_ignored", "FocalLoss", "loss_param { ignore_label: 4 normalization: FULL }",
         {"x": normal(6, 5), "t": whole(0, 4, 6, ignored=4)},
         lambda x, t: focal(x[t != 4], t[t != 4]) * (t != 4).sum() / t.numel())
    loss("focalloss_linear", "FocalLoss", "focal_loss_param { type: LINEAR }", {"x": normal(4, 5), "t": whole(0, 5, 4)},
         focal_linear)
    loss("focalloss_linear_settings", "FocalLoss", "focal_loss_param { type: LINEAR gamma: 1.5 alpha: 0.5 beta: 0.25 }",
         {"x": normal(2, 4, 2, 3), "t": whole(0, 4, 2, 2, 3)}, lambda x, t: focal_linear(x, t, 1.5, 0.5, 0.25))


def cross_entropies():
    def softmax(name, settings, t, compute, x=normal(2, 5, 2, 3)):
        case(f"softmaxwithloss_{name}", ("SoftmaxWithLoss", f"loss_param {{ {settings} }}"), {"x": x, "t": t}, compute,
             loss=True)

    def counted(t, ignored):
        return (t != ignored).sum()

    softmax("smoothing", "label_smoothing: 0.1", whole(0, 5, 2, 2, 3),
            lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1))
    softmax("smoothing_ignored", "label_smoothing: 0.25 ignore_label: 3", whole(0, 3, 2, 2, 3, ignored=3),
            lambda x, t: F.cross_entropy(x, t, ignore_index=3, label_smoothing=0.25, reduction="sum") / counted(t, 3))
    softmax("soft", "soft_labels: true", distributions(2, 5, 2, 3), F.cross_entropy)
    softmax("soft_batch", "soft_labels: true normalization: BATCH_SIZE", distributions(2, 5, 2, 3),
            lambda x, t: F.cross_entropy(x, t, reduction="sum") / 2)
    softmax("soft_smoothing", "soft_labels: true label_smoothing: 0.2", distributions(4, 6),
            lambda x, t: F.cross_entropy(x, t, label_smoothing=0.2), x=normal(4, 6))

    def sigmoid(name, settings, t, divisor):
        def compute(x, t):
            counts = t != 2
            return F.binary_cross_entropy_with_logits(x[counts], t[counts].double(), reduction="sum") / divisor

        case(f"sigmoidcrossentropyloss_{name}", ("SigmoidCrossEntropyLoss", f"loss_param {{ {settings} }}"),
             {"x": normal(4, 3, 2), "t": t}, compute, loss=True)

    all_count, some_ignored = whole(0, 2, 4, 3, 2), whole(0, 2, 4, 3, 2, ignored=2)
    sigmoid("full", "normalization: FULL", all_count, 24)
    sigmoid("valid", "normalization: VALID", all_count, 24)
    sigmoid("none", "normalization: NONE", all_count, 1)
    sigmoid("ignored", "ignore_label: 2", some_ignored, 4)
    sigmoid("ignored_valid", "ignore_label: 2 normalization: VALID", some_ignored, 16)
    sigmoid("ignored_full", "ignore_label: 2 normalization: FULL", some_ignored, 24)
    sigmoid("ignored_old", "ignore_label: 2 normalize: true", some_ignored, 16)


# ------------------------------------------------------------------------------------------- products, sums, sequences

def products():
    def matmul(name, a, b, settings, compute=torch.matmul):
        case(name, ("MatMul", settings), {"a": normal(*a), "b": normal(*b)}, compute)

    matmul("matmul", (2, 3, 4), (2, 4, 5), "")
    matmul("matmul_matrices", (3, 4), (4, 2), "")
    matmul("matmul_ta", (2, 3, 4, 3), (2, 3, 4, 5), "matmul_param { transpose_a: true }", lambda a, b: a.mT @ b)
    matmul("matmul_tb", (2, 3, 4), (2, 5, 4), "matmul_param { transpose_b: true }", lambda a, b: a @ b.mT)
    matmul("matmul_both", (2, 4, 3), (2, 5, 4), "matmul_param { transpose_a: true transpose_b: true }",
           lambda a, b: a.mT @ b.mT)

    def reduction(name, settings, compute, kinks=()):
        case(f"reduction_{name}", ("Reduction", f"reduction_param {{ {settings} }}"),
             {"x": normal(2, 3, 4, kinks=kinks)}, compute)

    reduction("total", "", torch.sum)
    reduction("sum_axis", "axis: 1 coeff: 0.5", lambda x: 0.5 * x.sum((1, 2)))
    reduction("asum", "operation: ASUM axis: 2 coeff: 2", lambda x: 2 * x.abs().sum(2), kinks=[0])
    reduction("squares", "operation: SUMSQ axis: -1", lambda x: x.square().sum(-1))
    reduction("mean", "operation: MEAN axis: 1 coeff: 3", lambda x: 3 * x.mean((1, 2)))

    for bias in (True, False):
        settings = "input_dim: 6 num_output: 4" + ("" if bias else " bias_term: false")
        case("embed_rows" if bias else "embed_nobias", ("Embed", f"embed_param {{ {settings} }}"),
             {"x": whole(0, 6, 3, 4)}, lambda x, w, b=0: F.embedding(x, w) + b,
             [normal(6, 4)] + ([normal(4)] if bias else []))


def sequences():
    def lstm_steps(x, cont, h, c, w, b, u, shared=None):
        """Donahue et al., 2014, arXiv:1411.4389. PyTorch's parts are i, f, g, o; here they are i, f, o, g."""
        d = h.shape[-1]
        order = [k for part in (0, 1, 3, 2) for k in range(part * d, (part + 1) * d)]
        steps = []
        for step, keep in zip(x, cont.double().unsqueeze(-1)):
            if shared is not None:
                step = torch.cat([step, shared], 1)
            h, c = torch.lstm_cell(step, (keep * h, keep * c), w[order], u[order], b[order])
            steps.append(h)
        return torch.stack(steps), h.unsqueeze(0), c.unsqueeze(0)

    def lstm(x, cont, *weights):
        start = x.new_zeros(x.shape[1], 5)
        return lstm_steps(x, cont, start, start, *weights)[0]

    def lstm_shared(x, cont, shared, w, b, w_shared, u):
        start = x.new_zeros(x.shape[1], 5)
        return lstm_steps(x, cont, start, start, torch.cat([w, w_shared], 1), b, u, shared)[0]

    def rnn(x, cont, w, b, u, w_out, b_out):
        h, steps = x.new_zeros(x.shape[1], 5), []
        for step, keep in zip(x, cont.double().unsqueeze(-1)):
            h = torch.rnn_tanh_cell(step, keep * h, w, u, b)
            steps.append(torch.tanh(F.linear(h, w_out, b_out)))
        return torch.stack(steps)

    def weights(*shapes):
        return [normal(*shape, scale=0.5) for shape in shapes]

    steps = {"x": normal(6, 3, 4), "cont": whole(0, 2, 6, 3)}
    settings = "recurrent_param { num_output: 5 }"
    case("lstm_steps", ("LSTM", settings), steps, lstm, weights((20, 4), (20,), (20, 5)))
    case("lstm_shared", ("LSTM", settings), steps | {"shared": normal(3, 2)}, lstm_shared,
         weights((20, 4), (20,), (20, 2), (20, 5)))
    case("lstm_exposed", ("LSTM", "recurrent_param { num_output: 5 expose_hidden: true }"),
         steps | {"h0": normal(1, 3, 5), "c0": normal(1, 3, 5)},
         lambda x, cont, h, c, *weights: lstm_steps(x, cont, h[0], c[0], *weights),
         weights((20, 4), (20,), (20, 5)), tops=("y", "h", "c"))
    case("rnn_steps", ("RNN", settings), steps, rnn, weights((5, 4), (5,), (5, 5), (5, 5), (5,)))


def attentions():
    def attend(x, m, u, w_in, b_in, w_out, b_out, heads, causal=False):
        """PyTorch's arrays begin with the places, not with the records."""
        q, k, v = (blob.transpose(0, 1) for blob in (x, m, u))
        mask = torch.ones(q.shape[0], k.shape[0], dtype=torch.bool).triu(1) if causal else None
        apart = dict(zip(("q_proj_weight", "k_proj_weight", "v_proj_weight"), w_in)) if isinstance(w_in, tuple) else {}
        y, _ = F.multi_head_attention_forward(
            q, k, v, x.shape[-1], heads, None if apart else w_in, b_in, None, None, False, 0.0, w_out, b_out,
            need_weights=False, attn_mask=mask, use_separate_proj_weight=bool(apart), **apart)
        return y.transpose(0, 1)

    def weights(*shapes):
        return [normal(*shape, scale=0.5) for shape in shapes]

    def of_itself(name, settings, shape, heads, causal=False):
        e = shape[-1]
        case(f"attention_{name}", ("Attention", f"attention_param {{ {settings} }}"), {"x": normal(*shape)},
             lambda x, *params: attend(x, x, x, *params, heads, causal), weights((3 * e, e), (3 * e,), (e, e), (e,)))

    of_itself("one_head", "", (2, 5, 4), 1)
    of_itself("heads", "num_heads: 3", (2, 5, 6), 3)
    of_itself("causal", "num_heads: 2 causal: true", (2, 5, 6), 2, causal=True)
    of_itself("causal_long", "num_heads: 2 causal: true", (1, 70, 4), 2, causal=True)
    case("attention_nobias", ("Attention", "attention_param { num_heads: 2 bias_term: false }"), {"x": normal(2, 5, 4)},
         lambda x, w, w_out: attend(x, x, x, w, None, w_out, None, 2), weights((12, 4), (4, 4)))
    case("attention_cross", ("Attention", "attention_param { num_heads: 2 }"),
         {"x": normal(2, 3, 4), "m": normal(2, 5, 4)},
         lambda x, m, *params: attend(x, m, m, *params, 2), weights((12, 4), (12,), (4, 4), (4,)))
    case("attention_widths", ("Attention", "attention_param { num_heads: 2 }"),
         {"x": normal(2, 3, 4), "m": normal(2, 5, 3), "u": normal(2, 5, 6)},
         lambda x, m, u, w_q, w_k, w_v, *params: attend(x, m, u, (w_q, w_k, w_v), *params, 2),
         weights((4, 4), (4, 3), (4, 6), (12,), (4, 4), (4,)))


FAMILIES = (activations, normalizations, batch_normalizations, shapes, sizes, poolings, convolutions, losses,
            cross_entropies, products, sequences, attentions)

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in [*FOLDER.glob("*.h5"), *FOLDER.glob("*.prototxt")]:
        old.unlink()
    for family in FAMILIES:
        family()
