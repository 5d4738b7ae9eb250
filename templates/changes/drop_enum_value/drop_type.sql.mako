DROP TYPE ${type|sql}
