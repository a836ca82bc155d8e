// Compactor
