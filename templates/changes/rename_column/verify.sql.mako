record_image_ne(ROW(${new|ident}), ROW(${old|ident}))
