UPDATE ${table|sql} SET ${shadow|ident} = ${conversion|sql}
WHERE record_image_ne(ROW(${shadow|ident}), ROW(${conversion|sql}))
