import io.trino.plugin.hive.HivePlugin;
import io.trino.testing.DistributedQueryRunner;
import io.trino.testing.TestingSession;
import java.util.HashMap;
import java.util.Map;

/** Trino with a Hive catalog over the S3 at args[0]. Prints its URL; runs until stdin ends. */
public final class TrinoOnS3 {
    public static void main(String[] args) throws Exception {
        var session = TestingSession.testSessionBuilder().setCatalog("hive").setSchema("exports").build();
        try (DistributedQueryRunner trino = DistributedQueryRunner.builder(session).setNodeCount(1).build()) {
            trino.installPlugin(new HivePlugin());
            Map<String, String> properties = new HashMap<>();
            properties.put("hive.metastore", "file");
            properties.put("hive.metastore.catalog.dir", "s3://exports/metastore");
            properties.put("hive.security", "allow-all");
            // As in Athena, tables include subfolders and partitions may be anywhere.
            properties.put("hive.recursive-directories", "true");
            properties.put("hive.allow-register-partition-procedure", "true");
            properties.put("hive.non-managed-table-writes-enabled", "true");
            properties.put("fs.hadoop.enabled", "false");
            properties.put("fs.native-s3.enabled", "true");
            properties.put("s3.endpoint", args[0]);
            properties.put("s3.region", "us-east-1");
            properties.put("s3.path-style-access", "true");
            properties.put("s3.aws-access-key", "a");
            properties.put("s3.aws-secret-key", "b");
            trino.createCatalog("hive", "hive", properties);
            System.out.println("LISTENING " + trino.getCoordinator().getBaseUrl());
            while (System.in.read() >= 0) {
            }
        }
        System.exit(0);
    }
}
