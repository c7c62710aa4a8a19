"""From an adapted model to something a server loads."""

from keras_transfer.export.save import save as save
