# Persons by decade of birth: R reads no Parquet, and is handed the table as CSV.
person <- read.csv("data/person.csv")
decade <- person$year_of_birth %/% 10 * 10
counts <- as.data.frame(table(decade), responseName = "persons")
write.csv(counts[counts$persons >= 11, ], "outputs/ages.csv", row.names = FALSE)
cat("decades:", nrow(counts), "\n")
