"""What a click costs without the edge: a bare redirect, and a Django project whose one view saves one row."""
