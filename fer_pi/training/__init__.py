"""Makes the models: data, nets, training, export and evaluation; nothing at run time imports it."""
