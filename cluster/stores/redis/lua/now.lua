-- KEYS any key of the coordination slot  -> the store's clock
return now()
