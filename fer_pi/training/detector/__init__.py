"""The face detector's making: data, augmentation, net, loss, training, export and evaluation."""
