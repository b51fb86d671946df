import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { PgLockModule } from 'nestjs-pglock';
import { StockResolver } from './stock.resolver.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [
    PgLockModule.forRoot(connection === undefined ? {} : { connection }),
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
  providers: [StockResolver],
})
export class AppModule {}
