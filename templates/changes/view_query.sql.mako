SELECT FROM (
    ${query|sql}
) AS v${columns|sql}
