#!/usr/bin/env python3
"""Writes layers.json: what PyTorch computes for each layer, forward and backward, on small inputs.

    python3 make_layers.py > layers.json        (needs torch)

Numbers are float32 with nine digits, which give them back exactly. Tensors are flat, in Heartwood's layout: channels last,
convolution weights (kernel * inputs) x channels, linear weights inputs x outputs.
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(20)


def flat(tensor):
    return [float("%.9g" % value) for value in tensor.detach().reshape(-1).tolist()]


def channels_last(tensor):
    return flat(tensor.transpose(1, 2))


def convolution(batch, length, inputs, channels, kernel, padding):
    layer = torch.nn.Conv1d(inputs, channels, kernel, padding=padding)
    x = torch.randn(batch, inputs, length, requires_grad=True)
    y = layer(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    rows = lambda w: flat(w.permute(2, 1, 0))
    return dict(
        batch=batch, length=length, inputs=inputs, channels=channels, kernel=kernel, same=padding == "same",
        x=channels_last(x), weight=rows(layer.weight), bias=flat(layer.bias), y=channels_last(y),
        dy=channels_last(dy), dWeight=rows(layer.weight.grad), dBias=flat(layer.bias.grad))


def pool(batch, positions, channels, window):
    x = torch.randint(0, 3, (batch, channels, positions)).float().requires_grad_()  # three values: many ties
    y = F.max_pool1d(x, window)
    dy = torch.randn_like(y)
    y.backward(dy)
    return dict(
        batch=batch, positions=positions, channels=channels, window=window, x=channels_last(x), y=channels_last(y),
        dy=channels_last(dy), dx=channels_last(x.grad))


def linear(batch, inputs, outputs, bias):
    layer = torch.nn.Linear(inputs, outputs, bias=bias)
    x = torch.randn(batch, inputs, requires_grad=True)
    y = layer(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    return dict(
        batch=batch, inputs=inputs, outputs=outputs, x=flat(x), weight=flat(layer.weight.t()), y=flat(y), dy=flat(dy),
        bias=flat(layer.bias) if bias else None, dx=flat(x.grad), dWeight=flat(layer.weight.grad.t()),
        dBias=flat(layer.bias.grad) if bias else None)


def cross_entropy(batch, classes, spread, weighted):
    logits = (torch.randn(batch, classes) * spread).requires_grad_()
    labels = torch.randint(0, classes, (batch,))
    weights = torch.rand(batch) * 3 if weighted else torch.ones(batch)
    loss = (F.cross_entropy(logits, labels, reduction="none") * weights).sum()
    (loss * 0.25).backward()
    return dict(
        batch=batch, classes=classes, logits=flat(logits), labels=labels.tolist(), weights=flat(weights) if weighted else None,
        scale=0.25, loss=loss.double().item(), probabilities=flat(F.softmax(logits, 1)), dLogits=flat(logits.grad))


def adam(clip):
    shapes = [(5, 3), (1, 3), (1, 17)]
    tensors = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    start = [flat(t) for t in tensors]
    optimizer = torch.optim.Adam(tensors, lr=0.01, weight_decay=0.02)
    steps = []
    for step in range(5):
        for t in tensors:
            t.grad = torch.randn_like(t) * (0.05 if step == 2 else 1.0)  # step 2 stays below the limit
        gradients = [flat(t.grad) for t in tensors]
        norm = torch.nn.utils.clip_grad_norm_(tensors, clip).item()
        optimizer.step()
        steps.append(dict(gradients=gradients, norm=norm, values=[flat(t) for t in tensors]))
    return dict(shapes=shapes, learningRate=0.01, weightDecay=0.02, clip=clip, start=start, steps=steps)


def cosine(base, final, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=base * final)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return dict(base=base, finalFraction=final, steps=steps, rates=rates)


print(json.dumps(dict(
    convolution=[
        convolution(3, 12, 1, 5, 7, "valid"), convolution(2, 15, 1, 8, 7, "same"), convolution(2, 11, 3, 8, 5, "same"),
        convolution(2, 10, 2, 4, 4, "same"), convolution(2, 9, 2, 3, 2, "valid")],
    pool=[pool(2, 11, 3, 4), pool(3, 8, 8, 2), pool(2, 9, 5, 1)],
    linear=[linear(5, 7, 3, True), linear(4, 6, 9, False)],
    crossEntropy=[cross_entropy(6, 2, 2.0, False), cross_entropy(7, 4, 40.0, True)],
    adam=adam(1.0),
    cosine=cosine(3e-3, 0.05, 20))))
