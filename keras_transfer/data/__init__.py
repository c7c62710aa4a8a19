"""Data in the forms that the trainers take."""

from keras_transfer.data.pair_domains import pair_domains as pair_domains
