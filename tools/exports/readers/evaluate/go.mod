module readers/evaluate

go 1.26
