"""The newest accounts of an export as a Spark DataFrame: spark-submit newest_spark.py ./out all-accounts"""

import sys

from newest_run import newest_parts
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f


def newest_accounts(spark: SparkSession, root: str, export_name: str) -> DataFrame:
    # On Amazon EMR, s3:// works as is; elsewhere, Spark reads s3a://.
    accounts = spark.read.parquet(*newest_parts(root, export_name))
    # An account that changed during the run can occur twice: the later record is current.
    later_first = Window.partitionBy("name").orderBy(f.col("part").desc())
    return (
        accounts.where("superseded IS NULL")
        .withColumn("part", f.col("_metadata.file_path"))
        .withColumn("age", f.row_number().over(later_first))
        .where("age = 1 OR name IS NULL")
        .drop("superseded", "part", "age")
    )


if __name__ == "__main__":
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    newest_accounts(session, *sys.argv[1:3]).show()
