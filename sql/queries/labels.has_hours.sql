-- Whether there is any hour in [$1, $2).
SELECT EXISTS (SELECT FROM weir.hour WHERE bucket >= $1 AND bucket < $2)
