"""Data in the forms that the trainers take."""

from keras_transfer.data.csv_table import CsvTable as CsvTable
from keras_transfer.data.csv_table import csv_table as csv_table
from keras_transfer.data.digits_on_photos import DigitDomains as DigitDomains
from keras_transfer.data.digits_on_photos import (
    digits_on_photos as digits_on_photos,
)
from keras_transfer.data.domain_dataset import DomainDataset as DomainDataset
from keras_transfer.data.episodes import episodes as episodes
from keras_transfer.data.image_folder import ImageFolder as ImageFolder
from keras_transfer.data.image_folder import image_folder as image_folder
from keras_transfer.data.load import load as load
from keras_transfer.data.pair_domains import pair_domains as pair_domains
from keras_transfer.data.split_classes import split_classes as split_classes
from keras_transfer.data.subset import subset as subset
from keras_transfer.data.table_preparation import (
    TablePreparation as TablePreparation,
)
from keras_transfer.data.text_folder import TextFolder as TextFolder
from keras_transfer.data.text_folder import text_folder as text_folder
from keras_transfer.data.text_lines import TextLines as TextLines
from keras_transfer.data.text_lines import text_lines as text_lines
