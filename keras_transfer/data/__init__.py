"""Data in the forms that the trainers take."""

from keras_transfer.data.digits_on_photos import DigitDomains as DigitDomains
from keras_transfer.data.digits_on_photos import (
    digits_on_photos as digits_on_photos,
)
from keras_transfer.data.episodes import episodes as episodes
from keras_transfer.data.image_folder import ImageFolder as ImageFolder
from keras_transfer.data.image_folder import image_folder as image_folder
from keras_transfer.data.pair_domains import pair_domains as pair_domains
from keras_transfer.data.split_classes import split_classes as split_classes
