#!/usr/bin/env python3
"""Writes recurrent.json: what PyTorch computes for nn.RNN and nn.LSTM, the last hidden state and its gradients.

    python3 make_recurrent.py > recurrent.json        (needs torch)

Numbers are float32 with nine digits, which give them back exactly. Tensors are flat, in Heartwood's layout: x batch x frames x
inputs, weights inputs x (gates * hidden) and hidden x (gates * hidden). The second of PyTorch's two biases stays 0.
"""
import json
import torch

torch.manual_seed(21)


def flat(tensor):
    return [float("%.9g" % value) for value in tensor.detach().reshape(-1).tolist()]


def recurrent(kind, batch, frames, inputs, hidden):
    layer = kind(inputs, hidden, batch_first=True)
    torch.nn.init.zeros_(layer.bias_hh_l0)
    x = torch.randn(batch, frames, inputs)
    y = layer(x)[0][:, -1]
    dy = torch.randn_like(y)
    y.backward(dy)
    return dict(
        batch=batch, frames=frames, inputs=inputs, hidden=hidden, x=flat(x), y=flat(y), dy=flat(dy),
        inputWeight=flat(layer.weight_ih_l0.t()), recurrentWeight=flat(layer.weight_hh_l0.t()),
        bias=flat(layer.bias_ih_l0), dInputWeight=flat(layer.weight_ih_l0.grad.t()),
        dRecurrentWeight=flat(layer.weight_hh_l0.grad.t()), dBias=flat(layer.bias_ih_l0.grad))


shapes = [(3, 6, 2, 5), (2, 20, 1, 8), (4, 1, 3, 4), (2, 5, 8, 13)]
print(json.dumps(dict(
    rnn=[recurrent(torch.nn.RNN, *shape) for shape in shapes],
    lstm=[recurrent(torch.nn.LSTM, *shape) for shape in shapes])))
