"""Pretrained backbones: finding, fetching, loading and saving them."""

from keras_transfer.zoo.card import Card as Card
from keras_transfer.zoo.hub_backbone import HubBackbone as HubBackbone
from keras_transfer.zoo.load import load as load
from keras_transfer.zoo.load import pull as pull
from keras_transfer.zoo.rank_backbones import rank_backbones as rank_backbones
from keras_transfer.zoo.ranking import Ranking as Ranking
from keras_transfer.zoo.registry import find_card as find_card
from keras_transfer.zoo.registry import list_backbones as list_backbones
from keras_transfer.zoo.resnet import resnet as resnet
from keras_transfer.zoo.resnet import resnet18 as resnet18
from keras_transfer.zoo.resnet import resnet50 as resnet50
from keras_transfer.zoo.resolution import resolve as resolve
from keras_transfer.zoo.save import save as save
